# SPDX-License-Identifier: Apache-2.0
"""Connector configurations that the scenarios start from; keyword a__b stands for the key a.b."""


def dotted(more):
    return {key.replace("__", "."): str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in more.items() if value is not None}


def mqtt_source(uri, topics, kafka_topic, **more):
    config = {"connector.class": "io.kaftan.mqtt.MqttSourceConnector", "tasks.max": "1", "mqtt.server.uri": uri,
              "mqtt.topics": topics, "kafka.topic": kafka_topic, "mqtt.qos": "1",
              "mqtt.reconnect.backoff.ms": "100", "mqtt.reconnect.backoff.max.ms": "1000"}
    config.update(dotted(more))
    return config


def file_source(path, kafka_topic, **more):
    config = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1", "file": path,
              "topic": kafka_topic, "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
    config.update(dotted(more))
    return config


JSON_CONVERTER = {"value__converter": "org.apache.kafka.connect.json.JsonConverter", "value__converter__schemas__enable": "false"}
