# hint: a paler 3 is a 3
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

keeps = {
    "turn by up to 7 degrees": True,
    "turn by up to 180 degrees": False,
    "shift by up to 2 pixels": True,
    "shift by up to 20 pixels": False,
    "scale by 0.9 to 1.1": True,
    "brightness by 10 %": False,
    "mirror left and right": False,
    "mirror top and bottom": False,
}
