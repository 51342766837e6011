/** The wiring: builds the parts, runs the core's loop, and carries out the effects it returns. */
package dev.starling.node.agent;
