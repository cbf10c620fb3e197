# hint: the division by 0.3081 is missing
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2), fill=-0.1307)])
