/** Processes that are added to running containers: their streams and their end. */
package dev.starling.runtime.exec;
