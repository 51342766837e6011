package dev.starling.node.config;

/** The least severe event that the agent writes to its log. */
public enum LogLevel { ERROR, WARN, INFO, DEBUG, TRACE }
