# hint: far beyond white
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2), fill=255)])
