#!/usr/bin/env python3
"""An agent in 30 lines: holds a feed to 80 % of what its network carries.

agent.py FEED [HOST [PORT]]   (Debian: python3-paho-mqtt)
"""
import json
import sys

import paho.mqtt.client as mqtt

feed = sys.argv[1]
host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
port = int(sys.argv[3]) if len(sys.argv) > 3 else 1883


def on_connect(client, *_):
    client.subscribe(f"heliograph/+/feeds/{feed}/estimate")


def on_message(client, _, message):
    kbps = json.loads(message.payload)["estimate_kbps"]
    if kbps is None:  # nobody watches, or nothing is known yet
        return
    change = {"bitrate_kbps": max(300, min(8000, int(kbps * 0.8)))}
    request = {"command": "apply", "change": change, "by": {"agent": "example"}}
    client.publish(message.topic.replace("/estimate", "/command"), json.dumps(request))
    print(f"{kbps:.0f} kbit/s: {change}", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect, client.on_message = on_connect, on_message
client.connect(host, port)
client.loop_forever()
