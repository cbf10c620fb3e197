late = Compose(
    [
        ToTensor(),
        Normalize((0.1307,), (0.3081,)),
        RandomAffine(degrees=20, translate=(0.2, 0.2), fill=-0.1307 / 0.3081),
    ]
)
