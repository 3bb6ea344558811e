package core

import "strconv"

// FormatCPU writes millicores as a normalised quantity: 250 → "250m", 2000 → "2". It equals stark.format_cpu in the database.
func FormatCPU(millis int64) string {
	if millis%1000 == 0 {
		return strconv.FormatInt(millis/1000, 10)
	}
	return strconv.FormatInt(millis, 10) + "m"
}

// FormatMemory writes bytes as a normalised quantity with the largest binary suffix that divides them: 134217728 → "128Mi".
// It equals stark.format_memory in the database.
func FormatMemory(bytes int64) string {
	if bytes == 0 {
		return "0"
	}
	for i, suffix := range []string{"Pi", "Ti", "Gi", "Mi", "Ki"} {
		unit := int64(1) << (10 * (5 - i))
		if bytes%unit == 0 {
			return strconv.FormatInt(bytes/unit, 10) + suffix
		}
	}
	return strconv.FormatInt(bytes, 10)
}
