/** One task of this node from its claim to its container's end: preparation, files, the start, the log. */
package dev.starling.node.task;
