"""What may be said over the channel: promises, accountants, ledgers, noise."""
