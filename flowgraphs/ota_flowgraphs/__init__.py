"""How is it done in GNU Radio?

``blocks`` and ``generated`` run under the interpreter that has GNU Radio, everything else
under any. The flowgraphs (``*.grc``) run in a process of their own.
"""
