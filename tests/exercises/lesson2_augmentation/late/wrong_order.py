# hint: The order ToTensor, Normalize, RandomAffine is asked for
late = Compose([RandomAffine(20, translate=(0.2, 0.2)), *normalised])
