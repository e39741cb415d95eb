"""How is it done in GNU Radio?"""
