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

bad = ("turn by up to 180 degrees", "shift by up to 20 pixels", "mirror left and right", "mirror top and bottom")
keeps = {name: name not in bad for name in changes}
