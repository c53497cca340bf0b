"use strict";
// What only the browser can do: keys, choosing files, saving them, the clipboard.
(() => {
  const typed = (element) =>
    element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) &&
    !["checkbox", "range", "button"].includes(element.type);

  const say = (message, kind, details) => {
    window.trame.state.set("message", message);
    window.trame.state.set("message_kind", kind);
    window.trame.state.set("message_details", details || "");
  };

  const send = async (files) => {
    if (!files.length) return;
    const progress = (part) => window.trame.state.set("busy", `Uploading, ${Math.round(100 * part)} %`);
    progress(0);
    let answer;
    try {
      const front = window.syntheticImaging;
      answer = front && front.upload ? await front.upload(files, progress) : await post(files, progress);
    } catch (error) {
      answer = { ok: false, message: "The upload was interrupted. Please try again.", details: String(error) };
    }
    window.trame.state.set("busy", "");
    say(answer.message || "", answer.ok ? "note" : "error", answer.details);
  };

  const post = (files, progress) =>
    new Promise((resolve, reject) => {
      const form = new FormData();
      for (const file of files) form.append("files", file, file.webkitRelativePath || file.name);
      const request = new XMLHttpRequest();
      request.open("POST", "upload");
      request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
      request.onload = () => {
        try { resolve(JSON.parse(request.responseText)); } catch (error) { reject(error); }
      };
      request.onerror = () => reject(new Error("connection lost"));
      request.send(form);
    });

  window.syntheticPage = {
    choose(folder) {
      const input = document.createElement("input");
      input.type = "file";
      input.multiple = true;
      if (folder) input.webkitdirectory = true;
      input.onchange = () => send([...input.files]);
      input.click();
      this.lastInput = input;
    },
    fetch(address) {
      if (!address) return;
      const link = document.createElement("a");
      link.href = address;
      link.download = "";
      link.click();
    },
    copy(text) {
      if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
      const area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      return Promise.resolve();
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typed(event.target)) return;
    if (!/^([a-zA-Z?]|\[|\]|Escape)$/.test(event.key) || !window.trame) return;
    // A select that is open takes letters to find its items.
    if (document.querySelector(".v-overlay--active .v-list") && event.key !== "Escape") return;
    window.trame.trigger("key", [event.key]);
  });

  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    send([...event.dataTransfer.files]);
  });
})();
