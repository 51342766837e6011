package dev.starling.scheduler;

/** One part of a step. */
interface Phase {
    void run(Round round);
}
