"""How does the server reach its nodes by the air alone? Coding, sealing, messages, catching up."""
