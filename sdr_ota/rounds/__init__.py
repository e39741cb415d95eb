"""What happens in a round? Nodes compute, are sounded, send together; the server decodes."""
