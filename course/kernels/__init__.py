"""Operators for small networks on a CPU, compiled by LLVM: the same bits on every processor, on any number of threads.

    convolution      its output and gradients; a dense layer is one of a single pixel
    pointwise        batch norm, ReLU and dropout in one pass over memory
    pooling          max-pooling and average pooling
    classification   log-softmax and the loss
    copying          sums and copies of whole values
    random_bits      dropout's random numbers
    elementary       exp and log
    layout           blocks of 32 images, which are innermost in memory
    instructions     runs kernels one after the other, on several threads
    builder          builds a kernel's loops over vectors

PyTorch's CPU operators compute vectors of 16 channels. With 10 channels, 6 of each vector's lanes are wasted. With the
images innermost every vector is full, whatever the number of channels. docs/kernels.md explains layout, blocks and
plan; `make bench` measures the speed. Tests compare outputs and gradients with PyTorch's in float64 on random shapes.
"""
