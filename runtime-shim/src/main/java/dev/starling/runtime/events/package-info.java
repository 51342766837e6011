/** The one thread that waits for what containers do. */
package dev.starling.runtime.events;
