black = -0.4242
late = Compose([*normalised, RandomAffine(20, translate=(0.2, 0.2), fill=black)])
