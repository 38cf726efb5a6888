"""Who is told, beyond this machine: Home Assistant over MQTT, a phone, a web hook, a command, a dead man's switch.

A process of its own: it has a network and no microphone; the process that hears has a microphone and no network.
Between the two is the local socket alone.

    push_rules.py      which changes of a monitor are worth a message to a person, and in which words
    channels.py        ntfy, Pushover, web hook, command: how such a message goes out
    outbox.py          one channel's queue: bounded, tried again, what is lost is said
    home_assistant.py  the same as topics and payloads; mqtt.py the connection to the broker
    orders.py          what Home Assistant asks of a monitor: a pause, a mark
    heartbeat.py       a request every so often, while frames are processed
    house.py           all of it together

Depends on edge.following, edge.config, edge.log, edge.errors and the standard library; paho-mqtt for MQTT.
"""
