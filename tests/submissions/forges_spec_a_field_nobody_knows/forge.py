def forge(spec):
    spec["on_load"] = "import os"
    return spec
