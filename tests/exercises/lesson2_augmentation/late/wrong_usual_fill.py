# hint: 0 is the mean grey there
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2))])
