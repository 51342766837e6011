/** From a spec to a running first process: who does what on which thread is told in {@link dev.starling.runtime.launch.Launcher}. */
package dev.starling.runtime.launch;
