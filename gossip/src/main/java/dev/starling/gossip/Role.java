package dev.starling.gossip;

/** What a node's certificate allows it: only a manager may write desired state (DESIGN.md section 7). */
public enum Role { WORKER, MANAGER }
