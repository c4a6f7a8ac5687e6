"""What a trained model is for: continuing text, learning to answer, serving."""
