package dev.starling.scheduler.model;

/** {@code docker node update --availability}: DRAIN moves tasks away, PAUSE takes no new ones. */
public enum Availability { ACTIVE, PAUSE, DRAIN }
