"""TensorFlow as TFRS needs it. Everything of training that uses TensorFlow takes it from here.

Importing this module sets TF_USE_LEGACY_KERAS: TFRS runs on Keras 2, and TensorFlow reads the
variable once, when it is imported.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import tensorflow_recommenders as tfrs

__all__ = ["tf", "tfrs"]
