"use strict";
// Browsers start no worker from a page that was opened as a file, and the search runs in one. There a
// hidden frame takes its place: it loads the worker's script, and messages go to and fro as events.

class IFrameWorker {
  constructor(url) {
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    this.inside = this.frame.contentWindow;
    this.inside.postMessage = (data) => this.onmessage?.(new MessageEvent("message", { data }));
    this.ready = this.load(url);
  }

  load(url) {
    const script = this.inside.document.createElement("script");
    script.src = url;
    return new Promise((done, failed) => {
      script.onload = done;
      script.onerror = failed;
      this.inside.document.body.append(script);
    });
  }

  async postMessage(data) {
    await this.ready;
    this.inside.dispatchEvent(new MessageEvent("message", { data }));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") window.Worker = IFrameWorker;
