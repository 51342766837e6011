package dev.starling.scheduler.model;

/** Why a node does not take a slot, in a few words for people ("insufficient memory: wants 4 GiB, 1.2 GiB free"). */
public record Refusal(Slot slot, String reason, long sinceMillis) {}
