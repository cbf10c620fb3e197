# hint: the sign is wrong
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2), fill=0.1307 / 0.3081)])
