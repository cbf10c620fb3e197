from torchvision.transforms import v2

black = (torch.zeros(1) - 0.1307) / 0.3081
late = Compose([ToTensor(), Normalize([0.1307], [0.3081]), v2.RandomAffine(20, translate=(0.2, 0.2), fill=black.item())])
