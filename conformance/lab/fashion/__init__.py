"""The same ConvNet on Fashion-MNIST in Keras and in PyTorch: `python -m conformance fashion-mnist`.

data.py         finds and verifies the images; makes a small set of the same format
net.py          the network, its first weights and the batches, in NumPy
torch_net.py    the network in PyTorch: one training step, the logits
keras_net.py    the same in Keras
calls.py        the constructor calls of an optimizer in both, translated or as by default
train.py        one training, from a job to its record
pool.py         many of them: processes, progress, what is finished already
compare.py      the whole comparison: which trainings there are, in which order
statistics.py   intervals and paired tests
figures.py      what the records say, in numbers; plots.py draws it, pages.py writes it
"""
