# hint: it has to turn and shift
late = Compose([*normalised, RandomAffine(0, fill=(0 - 0.1307) / 0.3081)])
