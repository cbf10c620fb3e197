# hint: black is -1 only where
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2), fill=-1)])
