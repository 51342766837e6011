package dev.starling.scheduler.model;

/** A reading of both clocks: {@code monotonicMillis} for waiting, {@code wallMillis} (since 1970) for stamps that people read. */
public record Time(long monotonicMillis, long wallMillis) {}
