package dev.starling.scheduler.lease;

/** Stewards for the next epoch, as the holder of {@code term} proposed them. */
public record Proposal(long term, Stewards next) {}
