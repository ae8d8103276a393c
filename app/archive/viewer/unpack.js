// Unpacks what the page is made of, and puts each part into a block of its own, whose hash the policy names.
(function () {
  function inside(id) {
    return document.getElementById(id).textContent;
  }
  if (typeof DecompressionStream !== "function") {
    var sentences = JSON.parse(inside("old"));
    document.getElementById("main").textContent = sentences[navigator.language.slice(0, 2)] || sentences.en;
    return;
  }
  var bytes = Uint8Array.from(atob(inside("packed")), function (one) { return one.charCodeAt(0); });
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json().then(function (blocks) {
    blocks.forEach(function (block) {
      var element = document.createElement(block.tag);
      if (block.type) element.type = block.type;
      element.id = block.id;
      element.textContent = block.text;
      document.head.append(element);
    });
  });
})();
