changes = [
    "turn by up to 7 degrees",
    "turn by up to 180 degrees",
    "shift by up to 2 pixels",
    "shift by up to 20 pixels",
    "scale by 0.9 to 1.1",
    "brightness by 10 %",
    "mirror left and right",
    "mirror top and bottom",
]

keeps = {}
for name in changes:
    keeps[name] = not (name.startswith("mirror") or "180" in name or "20 pixels" in name)
