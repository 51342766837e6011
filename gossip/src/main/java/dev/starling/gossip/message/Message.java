package dev.starling.gossip.message;

/** A message between two nodes' gossip machines. The sender's id comes from its certificate, never from the message. */
public interface Message {}
