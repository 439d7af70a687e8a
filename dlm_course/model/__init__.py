"""Trained models: the network and the adapter of others', training, evaluation, checkpoints, writing."""
