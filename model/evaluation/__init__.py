"""How good a model is: bits per byte of held-out text, multiple choice, generated text, lm-eval's tasks."""
