"""The same ConvNet on Fashion-MNIST in Keras and in PyTorch: `python -m conformance fashion-mnist`.

data.py              finds and verifies the images; makes a small set in the same format
net.py               the network, its initial weights and the batches, in NumPy
torch_net.py         the network in PyTorch: one training step, the logits
keras_net.py         the same in Keras
training_calls.py    an optimizer's constructor calls in both, translated or with defaults
train.py             one training, from a job to its record
pool.py              many trainings: processes, progress, what is finished already
compare.py           the whole comparison: which trainings there are, and their order
statistics.py        intervals and paired tests
figures.py           what the records say, in numbers
results.py           the records as JSON and CSV
plots.py, comparison_pages.py    draw and write the results
"""
