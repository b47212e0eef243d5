"""How two samples differ as a whole: what no column shows by itself.
"""
