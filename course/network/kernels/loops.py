"""How loops over arrays are compiled."""

import numba

# "contract" allows a product and a sum to be rounded once; everything else keeps the order and the meaning of NaN
compiled = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)
