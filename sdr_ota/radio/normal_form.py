"""One text for one address, however it was written."""


def normal_form(address: str) -> str:
    """Return an address with its pairs stripped and in the order of their keys.

    >>> normal_form("uri=ip:192.168.2.1, driver=pluto")
    'driver=pluto,uri=ip:192.168.2.1'
    """
    pairs = (part.partition("=") for part in address.split(","))
    return ",".join(sorted(f"{key.strip()}={value.strip()}" for key, _, value in pairs))
