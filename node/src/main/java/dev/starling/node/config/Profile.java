package dev.starling.node.config;

/** How patient failure detection is: all nodes on one machine, one site, or sites joined by slow links. */
public enum Profile { LOCAL, LAN, WAN }
