/**
 * The numbers that Starling promises about its claims on slots, each as a scenario with the product's own core: takeover, healing, a rollout
 * under a partition, clients that create services at the same time, islands. A scenario prints what it measured. ./check runs few seeds of
 * each; docs/SCHEDULER.md has the commands for many, and what they gave.
 */
package dev.starling.chaos.promises;
