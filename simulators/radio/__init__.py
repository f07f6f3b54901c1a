"""The virtual radio: an air that carries Bluetooth LE between Bumble controllers, with faults on request.

`air` is the medium, `controller` a virtual HCI controller on it, `peripheral` a GATT server on such a controller,
`host` lets a gateway in the same process use the air, and `port` serves it to other processes as HCI over TCP.
"""
