"""How good is the channel, and how loud may we speak?"""
