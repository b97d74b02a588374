"""What several file formats share: safe XML and archives, image headers, file names for keys, rows grouped by item."""
