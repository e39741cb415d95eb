"""Where does the number come from? Zeroth-order fine-tuning of language models."""
